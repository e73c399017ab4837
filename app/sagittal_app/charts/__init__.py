"""Plots by kind of panel."""
