"""What `tfzoo.train`, `tfzoo.evaluate`, `tfzoo.predict` and `tfzoo.export` share."""
