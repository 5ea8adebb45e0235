"""Notify: tell the people who can mend a sink what broke, and how to mend it."""
