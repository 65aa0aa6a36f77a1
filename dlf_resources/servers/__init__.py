"""Model servers: where they are, how they are asked, whether they are there, and one that the factory starts itself."""
