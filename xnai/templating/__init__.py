"""Values to text, through templates/."""
