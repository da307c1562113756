"""What the test programs of this folder share: checks, the server, a clean environment."""
