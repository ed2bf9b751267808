"""Colab shows third-party widgets only after it was asked to; this stand-in remembers whether it was."""

custom_widgets = False


def enable_custom_widget_manager(url=None):
    """Remember the wish."""
    global custom_widgets
    custom_widgets = True
