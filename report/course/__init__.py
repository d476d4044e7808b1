"""The course: seven short lessons as offline pages, each one idea on a real recording."""
