"""Lake: where tables live, what their columns mean, and how a load gets into them exactly once."""
