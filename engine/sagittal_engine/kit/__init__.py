"""Parts that methods share. This module stays empty, so that reading a card or a recipe never imports torch."""
