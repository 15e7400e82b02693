"""What arrives: bodies, encoded pictures and the forms of JSON, bounded before they are worked on.

Who may ask is `guard`, what is answered is `routes`.
"""
