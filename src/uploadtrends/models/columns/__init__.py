"""Further columns of a model: named by the user, or made by a formula."""
