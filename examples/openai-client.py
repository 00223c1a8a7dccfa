# The Python client of OpenAI (pip install openai) against `groundsight serve`.
import base64
import os
import sys

import openai

client = openai.OpenAI(
    base_url="http://127.0.0.1:8000/v1",
    api_key=os.environ.get("GROUNDSIGHT_API_KEY", "none"),
)
with open(sys.argv[1] if len(sys.argv) > 1 else "photo.png", "rb") as file:
    data = base64.b64encode(file.read()).decode()
messages = [
    {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
            {"type": "text", "text": "Describe the image."},
        ],
    }
]

stream = client.chat.completions.create(model="pocket:vcd", messages=messages, stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream))

# Fields that OpenAI does not have stand in extra_body.
completion = client.chat.completions.create(
    model="pocket",
    messages=messages,
    logprobs=True,
    extra_body={"groundsight": {"method": "vcd", "settings": {"alpha": 2}, "verify": True}},
)
choice = completion.choices[0]
print(completion.groundsight["method"]["name"], choice.message.content)
print("doubtful:", choice.groundsight["doubtful"])
print([(token.token, token.logprob) for token in choice.logprobs.content[:3]])

try:
    client.chat.completions.create(model="pocket:vdc", messages=messages)
except openai.BadRequestError as error:
    print(error.status_code, error.param, error.message)
