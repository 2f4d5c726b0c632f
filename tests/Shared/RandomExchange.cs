using System.Runtime.InteropServices;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Google.Protobuf;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Tests;

/// <summary>A random exchange as the client holds it, and the same as the generated message with plain keys.</summary>
internal sealed class RandomExchange
{
    public RandomExchange(int seed)
    {
        var random = new Random(seed);
        string job = new('j', random.Next(0, 40));
        int shard = random.Next(3) == 0 ? 0 : random.Next();
        long firstKey = random.Next(3) == 0 ? 0 : random.Next(1_000_000);
        _piece = new ExchangePiece { Id = Varied(random), Shard = shard, ShardFirst = firstKey };
        Message = new V1.PushPullRequest { Job = job, Shard = (uint)shard };
        if (random.Next(4) > 0)
            FillPush(random, firstKey);
        if (random.Next(4) > 0)
            FillPull(random, firstKey);
    }

    private ExchangePiece _piece;

    public ExchangePiece Piece => _piece;

    /// <summary>What the generated codec makes of <see cref="Piece"/>, but for the keys, which are plain here.</summary>
    public V1.StreamExchange Streamed => new() { Id = _piece.Id, Shard = Message.Shard, Push = Message.Push, Pull = Message.Pull };

    public V1.PushPullRequest Message { get; }

    public static byte[] Bytes<T>(ReadOnlySpan<T> elements)
        where T : unmanaged => MemoryMarshal.AsBytes(elements).ToArray();

    private void FillPush(Random random, long firstKey)
    {
        (PieceKeys keys, int count, V1.ShardKeys expected) = Keys(random, firstKey);
        var kind = (PushKind)random.Next(4);
        var name = new PushName(random.Next(3) == 0 ? 0 : (ulong)random.NextInt64(), Varied(random));
        float[] values = [.. Enumerable.Range(0, random.Next(4) == 0 ? 0 : count * (1 + (int)kind)).Select(_ => (float)random.NextDouble())];
        double rateSum = random.Next(3) == 0 ? 0 : random.NextDouble();
        (long step, long version) = ((long)Varied(random), (long)Varied(random));
        int parts = random.Next(3) == 0 ? random.Next(1, ExchangeFrame.PartsMax + 1) : 0, part = parts == 0 ? 0 : random.Next(parts);
        _piece.PushKeys = keys;
        _piece.Push = new PushHeader(name, kind, step, rateSum, version) { Part = part, Parts = parts };
        _piece.Values = values;
        Message.Push = new V1.Push
        {
            Name = new V1.PushName { Source = name.Source, Sequence = name.Sequence },
            Kind = (V1.PushKind)(kind + 1),
            Step = (ulong)step,
            RateSum = rateSum,
            ReadVersion = (ulong)version,
            Keys = expected,
            Values = ByteString.CopyFrom(Bytes<float>(values)),
            Part = (uint)part,
            Parts = (uint)parts,
        };
    }

    private void FillPull(Random random, long firstKey)
    {
        (_piece.PullKeys, _, V1.ShardKeys expected) = Keys(random, firstKey);
        _piece.Part = (PullPart)random.Next(4);
        Message.Pull = new V1.Pull { Keys = expected, Part = (V1.PullPart)((int)_piece.Part + 1) };
    }

    private static (PieceKeys Keys, int Count, V1.ShardKeys Expected) Keys(Random random, long firstKey)
    {
        int total = random.Next(0, 300), start = random.Next(0, total + 1), count = random.Next(0, total - start + 1);
        if (random.Next(2) == 0)
        {
            long first = firstKey + random.Next(0, 1000);
            ulong local = count == 0 ? 0 : (ulong)(first + start - firstKey);
            return (new PieceKeys(KeySet.Range(first, total), start, count, 0, false), count, new V1.ShardKeys { First = local, Count = (ulong)count });
        }
        var list = new uint[total];
        uint key = (uint)firstKey;
        for (int i = 0; i < total; i++)
            list[i] = key += (uint)random.Next(1, 1 << random.Next(1, 12));
        uint[] relative = [.. list.Skip(start).Take(count).Select(one => one - (uint)firstKey)];
        (uint set, bool isListed) = ((uint)random.Next(3), count > 0 && random.Next(4) > 0);
        var expected = new V1.ShardKeys { Count = (ulong)count, Set = set, Keys = isListed ? ByteString.CopyFrom(Bytes<uint>(relative)) : ByteString.Empty };
        return (new PieceKeys(KeySet.List(list), start, count, set, isListed), count, expected);
    }

    // Numbers of every length up to 63 bits.
    private static ulong Varied(Random random) => (ulong)random.NextInt64() >> random.Next(1, 64);
}
