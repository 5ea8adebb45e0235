"""Archive: sealed days, signed log, evidence, retention."""
