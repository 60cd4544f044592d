"""Self-consuming loops: what becomes of generators that are fed with what generators made.

The field also calls them autophagous loops; what they may end in is called model collapse. This
room stands beside the street: nothing of the package needs it, and it needs `uploadtrends[loop]`
(scikit-learn, which also holds the handwritten digits that it works on by default).
"""
