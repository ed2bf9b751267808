"""What the user is told when a command cannot do its work."""


class Trouble(Exception):
    """One sentence for the user: what must hold, what was found, the cure. The command line prints it and exits with 1."""
