"""Icons, themes, colour tables and help pages."""
