using System.Text;

namespace DistSgd.Learning.Tests.Data;

/// <summary>Random LIBSVM text in all the ways it may be written, and damaged ones.</summary>
internal static class RandomText
{
    public static string Lines(Random random, int mutations)
    {
        var text = new StringBuilder();
        int lines = random.Next(0, 12);
        for (int i = 0; i < lines; i++)
        {
            text.Append(Line(random));
            if (i + 1 < lines || random.Next(3) > 0) text.Append(random.Next(4) == 0 ? "\r\n" : "\n");
        }
        for (int m = random.Next(mutations + 1); m > 0 && text.Length > 0; m--)
        {
            int at = random.Next(text.Length);
            const string Characters = "0123456789 \t\r\n:#.+-eE,xN\0\u00e9\u000b";
            switch (random.Next(3))
            {
                case 0: text.Remove(at, 1); break;
                case 1: text.Insert(at, Characters[random.Next(Characters.Length)]); break;
                default: text[at] = Characters[random.Next(Characters.Length)]; break;
            }
        }
        return text.ToString();
    }

    public static string Line(Random random)
    {
        int kind = random.Next(12);
        if (kind == 0) return random.Next(2) == 0 ? "" : "  # nothing";
        bool plain = kind < 7;
        var line = new StringBuilder(plain ? Plain(random) : (random.Next(4) == 0 ? " " : "") + Number(random));
        uint index = (uint)random.Next(0, 3);
        int pairs = random.Next(0, 9) == 0 ? random.Next(250, 600) : random.Next(0, 12);
        var list = new List<string>();
        for (int i = 0; i < pairs; i++)
        {
            list.Add($"{index}:{(plain ? Plain(random) : Number(random))}");
            index += 1 + (uint)random.Next(random.Next(6) == 0 ? 400_000_000 / pairs : 20);
        }
        if (random.Next(8) == 0) random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(list));
        foreach (string pair in list) line.Append(plain || random.Next(5) > 0 ? " " : " \t").Append(pair);
        if (random.Next(5) == 0) line.Append(' ');
        if (random.Next(15) == 0) line.Append(" # note: 1:2");
        return line.ToString();
    }

    /// <summary>A number as most files have them.</summary>
    public static string Plain(Random random) => random.Next(5) switch
    {
        0 => "1",
        1 => "-1",
        2 => random.Next(-1000, 1000).ToString(),
        3 => random.NextSingle().ToString("G6").Replace("E", "e"),
        _ => Math.Round((random.NextDouble() * 2) - 1, random.Next(1, 13)).ToString("0.############"),
    };

    /// <summary>Any number in the grammar that is finite as float32.</summary>
    public static string Number(Random random)
    {
        while (true)
        {
            var token = new StringBuilder(random.Next(4) switch { 0 => "-", 1 => "+", _ => "" });
            int before = random.Next(random.Next(4) == 0 ? 25 : 5);
            int after = random.Next(random.Next(4) == 0 ? 40 : 8);
            for (int i = 0; i < before; i++) token.Append((char)('0' + random.Next(10)));
            if (after > 0 || random.Next(5) == 0) token.Append('.');
            for (int i = 0; i < after; i++) token.Append((char)('0' + random.Next(10)));
            if (before + after == 0) continue;
            if (random.Next(4) == 0) token.Append(random.Next(2) == 0 ? 'e' : 'E').Append(random.Next(3) switch { 0 => "-", 1 => "+", _ => "" }).Append(random.Next(random.Next(2) == 0 ? 60 : 8));
            string number = token.ToString();
            if (float.IsFinite(float.Parse(number))) return number;
        }
    }
}
