/* :shortcodes: and what they stand for: the ones people type. */
const TABLE = `smile 😄 grin 😁 joy 😂 rofl 🤣 smiley 😃 laughing 😆 wink 😉 blush 😊 heart_eyes 😍 kissing_heart 😘 thinking 🤔 neutral 😐
expressionless 😑 unamused 😒 sweat_smile 😅 sweat 😓 cry 😢 sob 😭 angry 😠 rage 😡 scream 😱 flushed 😳 sleeping 😴 sunglasses 😎 nerd 🤓
shrug 🤷 facepalm 🤦 wave 👋 ok_hand 👌 thumbsup 👍 +1 👍 thumbsdown 👎 -1 👎 clap 👏 pray 🙏 muscle 💪 point_up ☝️ point_right 👉
raised_hands 🙌 handshake 🤝 eyes 👀 brain 🧠 heart ❤️ broken_heart 💔 sparkling_heart 💖 star ⭐ sparkles ✨ fire 🔥 boom 💥 zap ⚡ 100 💯
tada 🎉 party 🥳 balloon 🎈 gift 🎁 trophy 🏆 medal 🏅 rocket 🚀 ship 🚢 car 🚗 bike 🚲 train 🚆 airplane ✈️ earth 🌍 sun ☀️ cloud ☁️
rain 🌧️ snowflake ❄️ rainbow 🌈 coffee ☕ tea 🍵 beer 🍺 wine 🍷 pizza 🍕 cake 🍰 cookie 🍪 apple 🍎 banana 🍌 taco 🌮 dog 🐶 cat 🐱
bug 🐛 bee 🐝 turtle 🐢 snail 🐌 penguin 🐧 unicorn 🦄 dragon 🐉 robot 🤖 ghost 👻 alien 👽 poop 💩 skull 💀 check ✅ x ❌ warning ⚠️
question ❓ exclamation ❗ bulb 💡 lock 🔒 unlock 🔓 key 🔑 bell 🔔 mute 🔕 mag 🔍 link 🔗 pin 📌 memo 📝 book 📖 calendar 📅 clock 🕐
hourglass ⏳ phone 📞 email 📧 computer 💻 gear ⚙️ wrench 🔧 hammer 🔨 package 📦 money 💰 chart 📈 red_circle 🔴 green_circle 🟢
yellow_circle 🟡 blue_circle 🔵 arrow_up ⬆️ arrow_down ⬇️ arrow_right ➡️ arrow_left ⬅️ recycle ♻️ stop 🛑 construction 🚧 salute 🫡 melting 🫠`;

export const emoji = new Map();
const words = TABLE.split(/\s+/);
for (let i = 0; i < words.length; i += 2) emoji.set(words[i], words[i + 1]);

/** Those one click away. */
export const favourites = ["👍", "❤️", "😂", "🎉", "👀", "✅"];

export const withEmoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (whole, code) => emoji.get(code) ?? whole);
