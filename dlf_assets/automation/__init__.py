"""What runs by itself and what can be launched: jobs, schedules and sensors, a concern a file."""
