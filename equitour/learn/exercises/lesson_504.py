"""Exercises and questions of lesson 504, diffusion: noise, the two algorithms, and few steps."""

import torch

from equitour.learn import exercise, question

question(
    "504.once",
    "A perfect network is shown a point of pure noise and asked for the clean star behind it. It answers with the least squared error there can be. "
    "Where do its answers for a thousand points of noise lie?",
    options={
        "on the arms, each on the part nearest to its noise": "Then it would be wrong nearly always: noise at t = 1 says nothing about the star it came from.",
        "on the arms, spread like the stars": "That would be a draw. The least squared error never gambles.",
        "all in one spot, where no star is": "If x says nothing, the best answer is the mean of all stars, the same for everyone.",
    },
    answer="all in one spot, where no star is",
)
question(
    "504.loss",
    "The loss, the mean square of ε − ε̂ for each component, begins at 1 for a network that says zero. Where does it end with a network that could not be better?",
    options={
        "at zero": "Then it would know from x_t alone which noise was added. But many stars with many noises make the same x_t.",
        "well above zero, at a number that says nothing of the samples": "What is left is the noise that cannot be told from x_t. A perfect network has this loss as well, so compare with it and not with zero.",
        "near one": "At little noise it is hard to guess, but at much noise nearly all of x_t is noise, and ε̂ is easy.",
    },
    answer="well above zero, at a number that says nothing of the samples",
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
    "DDIM is of first order, DPM-Solver++ of second. You take four times as many steps. By how much does the error fall?",
    options={
        "both by 4": "That is DDIM. Second order goes with the square of the steps.",
        "DDIM by 4, DPM-Solver++ by 16": "Error goes as steps to the minus order, once the steps are small enough.",
        "DDIM by 2, DPM-Solver++ by 4": "That would be for twice as many steps.",
    },
    answer="DDIM by 4, DPM-Solver++ by 16",
)
question(
    "504.guided",
    "The network says two things: ε̂ when told the arm, and ε̂ when not. Follow ε̂(not told) + w (ε̂(told) − ε̂(not told)) with w = 4. What do the samples look like?",
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


def _left(beta, t):
    return (1 - beta).cumprod(0)[t][:, None]


@exercise(
    "504.noise",
    inputs=_points,
    axes=("point", "xy"),
    hints=(
        "ᾱ_t is the product of all 1 − β_s from s = 1 to t. `cumprod` makes all of them at once, and `[t]` picks one for each point.",
        "The star keeps the share ᾱ_t of the variance, noise has 1 − ᾱ_t: multiply with the roots.",
        "`alpha_bar = (1 - beta).cumprod(0)[t][:, None]`, then `alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise`.",
    ),
    mistakes={
        "That is one step with β_t. In one go it needs ᾱ_t, the product of all 1 − β_s so far.": lambda x0, t, e, b: (
            (1 - b[t])[:, None].sqrt() * x0 + b[t][:, None].sqrt() * e
        ),
        "ᾱ is a share of the variance: take its root for x₀, and the root of 1 − ᾱ for the noise.": lambda x0, t, e, b: (
            _left(b, t) * x0 + (1 - _left(b, t)) * e
        ),
        "The star has its root; the noise needs one too, √(1 − ᾱ_t).": lambda x0, t, e, b: (
            _left(b, t).sqrt() * x0 + (1 - _left(b, t)) * e
        ),
        "The noise of a point that keeps √ᾱ_t is √(1 − ᾱ_t), not 1 − √ᾱ_t: variances add up to one, deviations do not.": lambda x0, t, e, b: (
            _left(b, t).sqrt() * x0 + (1 - _left(b, t).sqrt()) * e
        ),
        "ᾱ_t is a product, not 1 less a sum.": lambda x0, t, e, b: (
            (1 - b.cumsum(0)[t][:, None]).abs().sqrt() * x0 + (b.cumsum(0)[t][:, None]).sqrt() * e
        ),
        "One step too few: ᾱ_t includes β_t, and `beta[0]` is the zero before the first step.": lambda x0, t, e, b: (
            _left(b, t - 1).sqrt() * x0 + (1 - _left(b, t - 1)).sqrt() * e
        ),
    },
)
def noisy(x0, t, noise, beta):
    """x_t (points, 2) of stars x0 after t steps (points), in one go; beta (T + 1) begins with a zero."""
    alpha_bar = (1 - beta).cumprod(0)[t][:, None]
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise


def _at(t):
    def draw(generator):
        x, noise, z = torch.randn(3, 7, 2, generator=generator, dtype=torch.float64)
        return x, noise, t, z, _beta()

    return draw


def _mean(x, e, t, b, *, sign=1.0):
    sigma = (1 - (1 - b).cumprod(0)[t]).sqrt()
    return (x - sign * b[t] / sigma * e) / (1 - b[t]).sqrt()


def _fresh(t, b, z):
    return b[t].sqrt() * z if t > 1 else 0 * z


@exercise(
    "504.step",
    inputs=(_at(13), _at(5), _at(1)),
    axes=("point", "xy"),
    hints=(
        "Take β_t / √(1 − ᾱ_t) of ε̂ away from x, then divide by √(1 − β_t), for the step before had multiplied with it.",
        "Then √β_t z comes on top, but not in the last step, t = 1: a finished star has no noise.",
        "`x = (x - beta[t] / (1 - alpha_bar).sqrt() * noise_hat) / (1 - beta[t]).sqrt()` and `x + beta[t].sqrt() * z if t > 1 else x`.",
    ),
    mistakes={
        "The sign: noise is taken away, so ε̂ is subtracted.": lambda x, e, t, z, b: (
            _mean(x, e, t, b, sign=-1) + _fresh(t, b, z)
        ),
        "All the noise was taken away at once. One step takes β_t / √(1 − ᾱ_t) of ε̂.": lambda x, e, t, z, b: (
            (x - (1 - (1 - b).cumprod(0)[t]).sqrt() * e) / (1 - b).cumprod(0)[t].sqrt() + _fresh(t, b, z)
        ),
        "Divide by √(1 − β_t): the forward step had multiplied with it.": lambda x, e, t, z, b: (
            _mean(x, e, t, b) * (1 - b[t]).sqrt() + _fresh(t, b, z)
        ),
        "The root is missing at the fresh noise: β_t is its variance.": lambda x, e, t, z, b: (
            _mean(x, e, t, b) + (b[t] * z if t > 1 else 0)
        ),
        "No fresh noise in the last step: at t = 1 the star is finished.": lambda x, e, t, z, b: (
            _mean(x, e, t, b) + b[t].sqrt() * z
        ),
        "The fresh noise √β_t z is missing.": lambda x, e, t, z, b: _mean(x, e, t, b),
        "β_t is to be divided by √(1 − ᾱ_t), the deviation of all noise so far, not by √β_t.": lambda x, e, t, z, b: (
            (x - b[t].sqrt() * e) / (1 - b[t]).sqrt() + _fresh(t, b, z)
        ),
    },
)
def step(x, noise_hat, t, z, beta):
    """x_{t−1} (points, 2) from x_t, the foreseen noise_hat, fresh noise z, and beta (T + 1)."""
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
    mistakes={
        "That is ε. For x₀ take α x − σ v.": lambda x, v, a, s: s * x + a * v,
        "The sign of v: with plus, ε does not drop out.": lambda x, v, a, s: a * x + s * v,
        "You took v for the noise: (x − σ ε) / α is right for ε only.": lambda x, v, a, s: (x - s * v) / a,
        "α and σ stand at the wrong places: x is multiplied with α, v with σ.": lambda x, v, a, s: (
            s * x - a * v
        ),
    },
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
    mistakes={
        "That is x̂₀ itself, all the way down. Add the noise of the lower time, σ' ε̂.": lambda x, e, a, s, a2, s2: (
            (x - s * e) / a
        ),
        "x̂₀ must be multiplied with α', what is left of it at the lower time.": lambda x, e, a, s, a2, s2: (
            (x - s * e) / a + s2 * e
        ),
        "x̂₀ is (x − σ ε̂) / α: the division by α is missing.": lambda x, e, a, s, a2, s2: (
            a2 * (x - s * e) + s2 * e
        ),
        "You put the noise of the higher time back; it must be less, σ'.": lambda x, e, a, s, a2, s2: (
            a2 * (x - s * e) / a + s * e
        ),
        "The sign: to find x̂₀ the noise is subtracted.": lambda x, e, a, s, a2, s2: (
            a2 * (x + s * e) / a + s2 * e
        ),
    },
)
def ddim_step(x, noise_hat, alpha, sigma, lower_alpha, lower_sigma):
    """x (points, 2) at the lower time: the star that noise_hat stands for, and the same noise, mixed anew."""
    x0_hat = (x - sigma * noise_hat) / alpha
    return lower_alpha * x0_hat + lower_sigma * noise_hat
