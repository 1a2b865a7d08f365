"""The routes: each file parses, calls, and maps the answer; ``table`` lists and documents them all."""
