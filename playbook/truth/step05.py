"""Rows of the step."""
