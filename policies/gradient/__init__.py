"""The policy-gradient agent: a Plackett–Luce distribution over slates, trained in worlds and from the log."""
