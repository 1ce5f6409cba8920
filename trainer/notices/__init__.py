"""What a person should know or do: notices under the bell, reminders, and mail where it is set up.

Invariant: the inbox always fills; what leaves the house (mail, digest) goes only the way that the person chose.
"""
