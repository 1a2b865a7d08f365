"""How to choose: pure policies and learners, and the one place that draws."""
