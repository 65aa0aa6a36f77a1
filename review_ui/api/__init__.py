"""The routes, a concern a file. What they answer is typed here, and the page's types are made of it."""
