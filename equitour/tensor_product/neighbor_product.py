"""Sums over padded neighbours as products of matrices, one for each node, differentiable any number of times.

The sum s = Aᵀ x is bilinear, and so are its two derivatives: with g the gradient that arrives, that of x is A g and that
of A is x gᵀ. Differentiating those gives the same three again. Written as three functions that name each other, every
product comes out in the memory order of the tensor it belongs to; torch's own rule for the second derivative of a
product gives transposed ones, which slow down all that follows.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def sum_of_products(
    matrices: Float[Tensor, "nodes slots rows_out"], messages: Float[Tensor, "nodes slots channels"]
) -> Float[Tensor, "nodes rows_out channels"]:
    """Aᵀ x of each node, where a slot is a component of a neighbour."""
    return _Sum.apply(matrices, messages)


class _Bilinear(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)


class _Sum(_Bilinear):
    """Aᵀ x."""

    @staticmethod
    def forward(matrices, messages):
        return matrices.mT @ messages

    @staticmethod
    def backward(ctx, gradient):
        matrices, messages = ctx.saved_tensors
        return _Outer.apply(messages, gradient), _Spread.apply(matrices, gradient)


class _Spread(_Bilinear):
    """A g: what a node sends back to its neighbours."""

    @staticmethod
    def forward(matrices, sums):
        return matrices @ sums

    @staticmethod
    def backward(ctx, gradient):
        matrices, sums = ctx.saved_tensors
        return _Outer.apply(gradient, sums), _Sum.apply(matrices, gradient)


class _Outer(_Bilinear):
    """x gᵀ."""

    @staticmethod
    def forward(messages, sums):
        return messages @ sums.mT

    @staticmethod
    def backward(ctx, gradient):
        messages, sums = ctx.saved_tensors
        return _Spread.apply(gradient, sums), _Sum.apply(gradient, messages)
