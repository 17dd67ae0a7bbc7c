"""Server profiles: which addresses they get, which server fits, how they come there."""
