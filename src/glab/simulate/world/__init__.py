"""The simulated Earth: land, climate, weather, vegetation, long-term change, the truth."""
