using Google.Protobuf;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Tests;

/// <summary>Coded keys read bit by bit, as docs/wire.md describes them.</summary>
internal static class DumbKeys
{
    /// <summary>Puts plain keys in the place of coded ones.</summary>
    public static void Uncode(V1.ShardKeys? keys)
    {
        if (keys is null || keys.Coded.IsEmpty)
            return;
        keys.Keys = ByteString.CopyFrom(RandomExchange.Bytes<uint>(Decode(keys.Coded.ToByteArray(), (int)keys.Count)));
        keys.Coded = ByteString.Empty;
    }

    public static uint[] Decode(byte[] coded, int count)
    {
        var keys = new List<uint>();
        long previous = -1;
        int at = 0;
        while (keys.Count < count)
        {
            int block = Math.Min(128, count - keys.Count), form = coded[at++], bit = 8 * at;
            for (int i = 0; i < block; i++)
            {
                long gap = 0;
                if (form == 255)
                {
                    int shift = 0;
                    do
                        gap |= (long)(coded[at] & 127) << 7 * shift++;
                    while (coded[at++] >= 128);
                }
                else
                {
                    for (int b = 0; b < form; b++, bit++)
                        gap |= (long)(coded[bit / 8] >> bit % 8 & 1) << b;
                    at = (bit + 7) / 8;
                }
                keys.Add((uint)(previous += gap + 1));
            }
        }
        Assert.Equal(coded.Length, at);
        return [.. keys];
    }
}
