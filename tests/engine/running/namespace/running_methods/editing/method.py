"""The gradient-editing method's work."""

from running_methods.tiny.method import Tiny


class Editing(Tiny):
    """As `Tiny`, with a combination of its own."""

    def combine(self, gradients):
        assert list(gradients) == ["main_loss", "side_loss"]
        return [2 * g for g in gradients["main_loss"]]
