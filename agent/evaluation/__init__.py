"""What a policy would have earned, from the log of another: estimators, target policies, and the job that asks them."""
