"""Machine learning on atoms that respects symmetry: a course and an exploration kit.

Nothing is imported here, so that `import equitour` costs nothing; take the rooms by name:
`from equitour.graph import AtomicGraph`, `from equitour import view, learn, datasets`.
"""

__version__ = "0.1.0"


def calculator(potential, **options):
    """An ASE calculator of a potential or of the model file that holds one: `atoms.calc = equitour.calculator(model)`.

    Args:
        potential: A potential, or the path of a file that `equitour.models.save` or `equitour fit` has written.
        **options: `skin`, `device` and `dtype`, as in `equitour.dynamics.calculator`.

    Raises:
        FileNotFoundError: There is no such file.
        TypeError: It is no potential.
    """
    from os import PathLike

    from equitour import dynamics

    if isinstance(potential, (str, PathLike)):
        from equitour import models

        potential = models.load(potential)
    return dynamics.calculator(potential, **options)
