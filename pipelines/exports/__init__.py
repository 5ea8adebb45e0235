"""Exports: select what a sink wants, render it, deliver it without loss."""
