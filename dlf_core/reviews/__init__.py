"""What people say of boxes and images: operations, the state they add up to, and the boxes that come of it."""
