"""Puts this folder on the import path, so that tests of any step can use the writers beside this file."""
