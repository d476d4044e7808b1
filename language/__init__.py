"""Every sentence that people read, in English and Korean, and the reasons that are kept as values until they are read.

A ground room, beside the errors: what replays and what reports both give reasons, and neither may import the other for
its words. English has one home here, also for the messages of errors and for the documents in JSON.
"""
