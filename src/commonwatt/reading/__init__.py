"""Strict reading of files from outside: every cell in its place, every mistake named, nothing repaired silently."""
