"""Exercises and questions of lesson 504, diffusion: noise, the two algorithms, and few steps."""

import torch

from equitour.learn import diffusion_mistakes, exercise, question

question(
    "504.once",
    "A perfect network is shown a point of pure noise, t = 1, and asked for the star behind it. No network has a smaller squared error. "
    "Where do its answers to a thousand points of noise lie?",
    options={
        "on the arms, each on the part nearest to its noise": "Then it would be wrong nearly always: noise at t = 1 says nothing about the star it came from.",
        "on the arms, spread like the stars": "That would be a draw. The least squared error never gambles.",
        "all in one spot, where no star is": "If x says nothing, the best answer is the mean of all stars, the same for everyone.",
    },
    answer="all in one spot, where no star is",
)
question(
    "504.loss",
    "The loss is the mean square of ε − ε̂. A network that always says zero has a loss of 1. Which loss has a network that could not be better?",
    options={
        "zero": "Then it would know from x_t alone which noise was added. But many stars with many noises make the same x_t.",
        "clearly more than zero": "What is left is the noise that cannot be told from x_t. A perfect network has this loss as well, so compare with it and not with zero.",
        "nearly one": "At little noise it is hard to guess, but at much noise nearly all of x_t is noise, and ε̂ is easy.",
    },
    answer="clearly more than zero",
)
question(
    "504.fresh",
    "Algorithm 2 takes noise away and adds fresh noise z in every step. Leave z out, everything else as it stands. What happens to the samples?",
    options={
        "they are as good, only less noisy on the way": "The network expects x_t with all the noise of time t, and gets less of it.",
        "they shrink together until hardly two of them differ": "Each step goes towards a mean, and means stray less than what they are means of; z puts back what is missing.",
        "they miss the arms": "They end on stars, or near them. But look at how many different ones.",
    },
    answer="they shrink together until hardly two of them differ",
)
question(
    "504.order",
    "A rule of order p has an error that falls as the number of steps to the power −p. Euler's, and so DDIM, is of first order; others are of second. "
    "You take four times as many steps. By how much do the errors fall?",
    options={
        "both by 4": "That is first order. Second order goes with the square of the steps.",
        "first order by 4, second order by 16": "4 to the power 1 and 4 to the power 2, once the steps are small enough.",
        "first order by 2, second order by 4": "That would be for twice as many steps.",
    },
    answer="first order by 4, second order by 16",
)
question(
    "504.guided",
    "Follow ε̂(not told) + w (ε̂(told) − ε̂(not told)) with w = 4. What do the samples look like?",
    options={
        "like the stars of that arm, only purer": "That is w = 1, which is the arm itself. Nothing is purer than the stars themselves.",
        "crowded in some part of the arm, the rest of it empty": "The step exaggerates what tells one arm from the other, and goes where the two are told apart most easily.",
        "spread over both arms": "That is w = 0.",
    },
    answer="crowded in some part of the arm, the rest of it empty",
)


def _beta(T=20):
    return torch.cat([torch.zeros(1), torch.linspace(0.01, 0.3, T)]).double()


def _points(generator):
    x0, noise = torch.randn(2, 7, 2, generator=generator, dtype=torch.float64)
    return x0, torch.randint(2, 21, (7,), generator=generator), noise, _beta()


@exercise(
    "504.noise",
    inputs=_points,
    axes=("point", "xy"),
    hints=(
        "ᾱ_t is the product of all 1 − β_s from s = 1 to t. `cumprod` makes all of them at once, and `[t]` picks one for each point.",
        "The star keeps the share ᾱ_t of the variance, noise has 1 − ᾱ_t: multiply with the roots. `[:, None]` makes a number for each point fit both its coordinates.",
        "`alpha_bar = (1 - beta).cumprod(0)[t][:, None]`, then `alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise`.",
    ),
    mistakes=diffusion_mistakes.NOISE,
)
def noisy(x0, t, noise, beta):
    """x_t (points, 2) of stars x0 after t steps (points,), in one go; beta (T + 1,) begins with a zero."""
    alpha_bar = (1 - beta).cumprod(0)[t][:, None]
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise


def _at(t):
    def draw(generator):
        x, noise, z = torch.randn(3, 7, 2, generator=generator, dtype=torch.float64)
        return x, noise, t, z, _beta()

    return draw


@exercise(
    "504.step",
    inputs=(_at(13), _at(5), _at(1)),
    axes=("point", "xy"),
    hints=(
        "Take β_t / √(1 − ᾱ_t) of ε̂ away from x, then divide by √(1 − β_t), for the step before had multiplied with it.",
        "Then √β_t z comes on top, but not in the last step, t = 1: a finished star has no noise.",
        "`x = (x - beta[t] / (1 - alpha_bar).sqrt() * noise_hat) / (1 - beta[t]).sqrt()` and `x + beta[t].sqrt() * z if t > 1 else x`.",
    ),
    mistakes=diffusion_mistakes.STEP,
)
def step(x, noise_hat, t, z, beta):
    """x_{t−1} (points, 2) from x_t, the foreseen noise_hat, fresh noise z, and beta (T + 1,)."""
    alpha_bar = (1 - beta).cumprod(0)[t]
    x = (x - beta[t] / (1 - alpha_bar).sqrt() * noise_hat) / (1 - beta[t]).sqrt()
    return x + beta[t].sqrt() * z if t > 1 else x


def _turned(generator):
    x, v = torch.randn(2, 7, 2, generator=generator, dtype=torch.float64)
    alpha = torch.tensor(0.8, dtype=torch.float64)
    return x, v, alpha, (1 - alpha**2).sqrt()


@exercise(
    "504.clean",
    inputs=_turned,
    axes=("point", "xy"),
    hints=(
        "Two equations, x = α x₀ + σ ε and v = α ε − σ x₀, and two unknowns. Which combination has no ε in it?",
        "Multiply x with α and v with σ, and subtract: ε drops out, and α² + σ² = 1 stands before x₀.",
        "`alpha * x - sigma * v`",
    ),
    mistakes=diffusion_mistakes.CLEAN,
)
def clean(x, v, alpha, sigma):
    """x̂₀ (points, 2) from the noisy x (points, 2) and the velocity v = α ε − σ x₀ (points, 2)."""
    return alpha * x - sigma * v


def _pair(generator):
    x, noise = torch.randn(2, 7, 2, generator=generator, dtype=torch.float64)
    alpha, lower = torch.tensor([0.6, 0.9], dtype=torch.float64)
    return x, noise, alpha, (1 - alpha**2).sqrt(), lower, (1 - lower**2).sqrt()


@exercise(
    "504.ddim",
    inputs=_pair,
    axes=("point", "xy"),
    hints=(
        "If ε̂ is the noise in x, which star x̂₀ does it stand for? x = α x̂₀ + σ ε̂.",
        "Put star and noise together again as at the lower time: α' x̂₀ + σ' ε̂, the same ε̂.",
        "`lower_alpha * (x - sigma * noise_hat) / alpha + lower_sigma * noise_hat`",
    ),
    mistakes=diffusion_mistakes.DDIM,
)
def ddim_step(x, noise_hat, alpha, sigma, lower_alpha, lower_sigma):
    """x (points, 2) at the lower time: the star that noise_hat stands for, and the same noise, mixed anew."""
    x0_hat = (x - sigma * noise_hat) / alpha
    return lower_alpha * x0_hat + lower_sigma * noise_hat
