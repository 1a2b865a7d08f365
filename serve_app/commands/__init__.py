"""The command line's rooms for running and administering a service; ``slateloop.py`` puts them together."""
