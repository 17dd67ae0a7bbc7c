"""What sets the project up and writes its reference; no part of the product."""
