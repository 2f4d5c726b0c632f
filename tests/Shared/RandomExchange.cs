using System.Runtime.InteropServices;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Google.Protobuf;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Tests;

/// <summary>A random request as the client holds it, and the same as the generated message.</summary>
internal sealed class RandomExchange
{
    public RandomExchange(int seed)
    {
        var random = new Random(seed);
        string job = new('j', random.Next(0, 40));
        int shard = random.Next(3) == 0 ? 0 : random.Next();
        long firstKey = random.Next(3) == 0 ? 0 : random.Next(1_000_000);
        Request = new OutgoingRequest(job, shard, firstKey);
        Message = new V1.PushPullRequest { Job = job, Shard = (uint)shard };
        if (random.Next(4) > 0)
            FillPush(random, firstKey);
        if (random.Next(4) > 0)
            FillPull(random, firstKey);
    }

    public OutgoingRequest Request { get; }

    public V1.PushPullRequest Message { get; }

    public static byte[] Bytes<T>(ReadOnlySpan<T> elements)
        where T : unmanaged => MemoryMarshal.AsBytes(elements).ToArray();

    private void FillPush(Random random, long firstKey)
    {
        (KeySet keys, int start, int count, V1.ShardKeys expected) = Keys(random, firstKey);
        var kind = (PushKind)random.Next(2);
        var name = new PushName(random.Next(3) == 0 ? 0 : (ulong)random.NextInt64(), Varied(random));
        float[] values = [.. Enumerable.Range(0, random.Next(4) == 0 ? 0 : count * (1 + (int)kind)).Select(_ => (float)random.NextDouble())];
        double rateSum = random.Next(3) == 0 ? 0 : random.NextDouble();
        (long step, long version) = ((long)Varied(random), (long)Varied(random));
        (Request.PushKeys, Request.PushStart, Request.PushCount) = (keys, start, count);
        Request.Push = new PushHeader(name, kind, step, rateSum, version);
        Request.Values = values;
        Message.Push = new V1.Push
        {
            Name = new V1.PushName { Source = name.Source, Sequence = name.Sequence },
            Kind = kind == PushKind.Delta ? V1.PushKind.Delta : V1.PushKind.Gradient,
            Step = (ulong)step,
            RateSum = rateSum,
            ReadVersion = (ulong)version,
            Keys = expected,
            Values = ByteString.CopyFrom(Bytes<float>(values)),
        };
    }

    private void FillPull(Random random, long firstKey)
    {
        (Request.PullKeys, Request.PullStart, Request.PullCount, V1.ShardKeys expected) = Keys(random, firstKey);
        Request.Part = (PullPart)random.Next(2);
        Message.Pull = new V1.Pull { Keys = expected, Part = Request.Part == PullPart.Entries ? V1.PullPart.Entries : V1.PullPart.Values };
    }

    private static (KeySet Keys, int Start, int Count, V1.ShardKeys Expected) Keys(Random random, long firstKey)
    {
        int total = random.Next(0, 300), start = random.Next(0, total + 1), count = random.Next(0, total - start + 1);
        if (random.Next(2) == 0)
        {
            long first = firstKey + random.Next(0, 1000);
            ulong local = count == 0 ? 0 : (ulong)(first + start - firstKey);
            return (KeySet.Range(first, total), start, count, new V1.ShardKeys { First = local, Count = (ulong)count });
        }
        var list = new uint[total];
        uint key = (uint)firstKey;
        for (int i = 0; i < total; i++)
            list[i] = key += (uint)random.Next(1, 1 << random.Next(1, 12));
        uint[] relative = [.. list.Skip(start).Take(count).Select(one => one - (uint)firstKey)];
        return (KeySet.List(list), start, count, new V1.ShardKeys { Count = (ulong)count, Keys = ByteString.CopyFrom(Bytes<uint>(relative)) });
    }

    // Numbers of every length up to 63 bits.
    private static ulong Varied(Random random) => (ulong)random.NextInt64() >> random.Next(1, 64);
}
