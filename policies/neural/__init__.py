"""What the agents that learn with nets share: features as dense vectors, nets in torch and NumPy, returns, history."""
