"""From any handle to a local folder, and from any format of weights to our variables."""
