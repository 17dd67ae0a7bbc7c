"""What is known of the pool: each endpoint's last word, read, merged, and told to whoever asks."""
