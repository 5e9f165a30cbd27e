"""The simulated instruments: what each one sees of the world, with its noise."""
