using System.Runtime.InteropServices;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Google.Protobuf;
using Grpc.Core;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Shared.Tests;

/// <summary>The hand-written codec and the generated one are the same on the wire.</summary>
public sealed class WireCodecTests
{
    private const int Rounds = 400;

    [Fact]
    public void Exchanges_Written_AreWhatTheGeneratedCodecReads()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            RandomExchange[] exchanges = [.. Enumerable.Range(0, seed % 4).Select(i => new RandomExchange(seed * 7 + i))];
            var message = new OutgoingExchanges();
            foreach (RandomExchange exchange in exchanges)
                message.Add(exchange.Piece);
            byte[] bytes = Codec.Write(OutgoingExchanges.Serialize, message);
            Assert.True(bytes.AsSpan().SequenceEqual(Codec.Write(OutgoingExchanges.Serialize, message, pieceBytes: 1)), $"seed {seed}, small pieces");
            V1.ClientFrames read = V1.ClientFrames.Parser.ParseFrom(bytes);
            Assert.True(bytes.AsSpan().SequenceEqual(read.ToByteArray()), $"seed {seed}: fields out of order, or defaults written");
            foreach (V1.ClientFrame frame in read.Frames)
            {
                DumbKeys.Uncode(frame.Exchange.Push?.Keys);
                DumbKeys.Uncode(frame.Exchange.Pull?.Keys);
            }
            Assert.Equal(exchanges.Select(exchange => exchange.Streamed), read.Frames.Select(frame => frame.Exchange));
        }
    }

    [Fact]
    public void Exchanges_OfTheGeneratedCodec_AreReadAsTheyWereWritten()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            var frames = new V1.ClientFrames();
            for (int i = 0; i < seed % 4; i++)
                frames.Frames.Add(new V1.ClientFrame { Exchange = new RandomExchange(seed * 7 + i).Streamed });
            foreach (V1.ClientFrame frame in frames.Frames)
                frame.Exchange.TimeoutMs = (uint)seed;
            using IncomingFrames read = IncomingFrames.Deserialize(Codec.Source([.. Unknown(seed), .. frames.ToByteArray()], seed % 5 + 1));
            foreach (V1.ClientFrame expected in frames.Frames)
            {
                Assert.True(read.TryNext(out ClientFrameKind kind, out WirePart place));
                Assert.Equal(ClientFrameKind.Exchange, kind);
                var exchange = new ExchangeFrame();
                exchange.ReadStreamed(read.Message, place);
                Assert.Equal((expected.Exchange.Id, expected.Exchange.TimeoutMs), (exchange.Id, exchange.TimeoutMs));
                Assert.Equal((int)(expected.Exchange.Push?.Parts ?? 0), exchange.Push.Parts);
                Assert.Equal((int)(expected.Exchange.Push?.Part ?? 0), exchange.Push.Part);
                Assert.Equal(expected.Exchange.Push?.Values.Length ?? 0, exchange.Values.Length);
                Assert.Equal(expected.Exchange.Pull?.Keys.Set ?? 0, exchange.PullKeys.Set);
            }
            Assert.False(read.TryNext(out _, out _));
        }
    }

    [Fact]
    public void Hello_AndWelcome_AreTheSameInBothCodecs()
    {
        var credit = new StreamCredit(1, 2_000_000_000_000, 3, 4, 5);
        var message = new OutgoingExchanges();
        message.SetHello(new HelloFrame("jöb", 7, 1UL << 63, credit));
        V1.Hello hello = V1.ClientFrames.Parser.ParseFrom(Codec.Write(OutgoingExchanges.Serialize, message)).Frames.Single().Hello;
        Assert.Equal(("jöb", 7u, 1UL << 63, 2_000_000_000_000UL, 5UL), (hello.Job, hello.Version, hello.Client, hello.Wanted.Bytes, hello.Wanted.ExchangeBytes));
        var frames = new V1.ClientFrames { Frames = { new V1.ClientFrame { Hello = hello } } };
        using IncomingFrames read = IncomingFrames.Deserialize(Codec.Source(frames.ToByteArray(), 3));
        Assert.True(read.TryNext(out ClientFrameKind kind, out WirePart place));
        Assert.Equal((ClientFrameKind.Hello, new HelloFrame("jöb", 7, 1UL << 63, credit)), (kind, read.ReadHello(place)));
        var answers = new OutgoingFrames();
        answers.Welcome(1, credit);
        V1.Welcome welcome = V1.ServerFrames.Parser.ParseFrom(Codec.Write(OutgoingFrames.Serialize, answers)).Frames.Single().Welcome;
        Assert.Equal((1u, hello.Wanted), (welcome.Version, welcome.Granted));
    }

    [Fact]
    public void ServerFrames_OfBothCodecs_AreHandedOutInOrder()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var expected = new V1.ServerFrames();
            var answers = new OutgoingFrames();
            for (int i = random.Next(4); i > 0; i--)
            {
                (V1.PushPullResponse message, float[] values) = RandomResponse(random.Next());
                if (random.Next(3) == 0)
                {
                    expected.Frames.Add(new V1.ServerFrame { Refusal = new V1.Refusal { Id = message.Version, Code = 5, Message = "wörds" } });
                    answers.Refuse(message.Version, StatusCode.NotFound, "wörds");
                    continue;
                }
                expected.Frames.Add(new V1.ServerFrame { Answer = new V1.Answer { Id = (ulong)i, Version = message.Version, Duplicate = message.Duplicate, Values = message.Values } });
                values.CopyTo(answers.BeginAnswer((ulong)i, message.Duplicate, values.Length));
                answers.EndAnswer((long)message.Version);
                answers.BeginAnswer(99, true, 7);
                answers.UndoAnswer();
            }
            byte[] bytes = Codec.Write(OutgoingFrames.Serialize, answers);
            Assert.Equal(expected, V1.ServerFrames.Parser.ParseFrom(bytes));
            foreach (byte[] source in (byte[][])[bytes, [.. Unknown(seed), .. expected.ToByteArray()]])
            {
                var taken = new TakenFrames();
                ServerFrames.Read(Codec.Source(source, seed % 3 == 0 ? int.MaxValue : 1 + seed % 7).PayloadAsReadOnlySequence(), taken);
                Assert.Equal(expected, taken.Frames);
            }
        }
    }

    [Fact]
    public void ServerFrames_MutatedAnyhow_AreReadOrRefused()
    {
        for (int seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            (V1.PushPullResponse message, _) = RandomResponse(seed);
            var frames = new V1.ServerFrames { Frames = { new V1.ServerFrame { Answer = new V1.Answer { Id = 1, Version = message.Version, Values = message.Values } } } };
            byte[] bytes = frames.ToByteArray();
            for (int i = 0; i < 3; i++)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                ServerFrames.Read(Codec.Source(bytes).PayloadAsReadOnlySequence(), new TakenFrames());
            }
            catch (InvalidDataException)
            {
                // That is how it is refused.
            }
        }
    }

    [Fact]
    public void Request_OfTheGeneratedCodec_IsReadWhollyInOnePieceAndInManyPieces()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            V1.PushPullRequest message = new RandomExchange(seed).Message;
            foreach (int pieceBytes in (int[])[int.MaxValue, 1, 3, 7])
            {
                using IncomingRequest request = IncomingRequest.Deserialize(Codec.Source(message.ToByteArray(), pieceBytes));
                Assert.True(message.Equals(AsMessage(request)), $"seed {seed}, pieces of {pieceBytes} bytes: {AsMessage(request)}, expected {message}");
            }
        }
    }

    [Fact]
    public void Request_PushAndPullMessages_AreReadByTheSameReader()
    {
        V1.PushPullRequest both = new RandomExchange(3).Message;
        both.Push ??= new V1.Push { Name = new V1.PushName { Sequence = 1 }, Kind = V1.PushKind.Delta, Keys = new V1.ShardKeys() };
        both.Pull ??= new V1.Pull { Keys = new V1.ShardKeys(), Part = V1.PullPart.Values };
        var push = new V1.PushRequest { Job = both.Job, Shard = both.Shard, Push = both.Push };
        var pull = new V1.PullRequest { Job = both.Job, Shard = both.Shard, Pull = both.Pull };
        using IncomingRequest pushed = IncomingRequest.Deserialize(Codec.Source(push.ToByteArray()));
        using IncomingRequest pulled = IncomingRequest.Deserialize(Codec.Source(pull.ToByteArray()));
        Assert.Equal(both.Push, AsMessage(pushed).Push);
        Assert.Null(AsMessage(pushed).Pull);
        Assert.Equal(both.Pull, AsMessage(pulled).Pull);
        Assert.Null(AsMessage(pulled).Push);
    }

    [Fact]
    public void Request_WithUnknownFieldsOfEveryWireType_IsReadAsWithout()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            V1.PushPullRequest message = new RandomExchange(seed).Message;
            byte[] unknown = Unknown(seed);
            V1.PushPullRequest fuller = V1.PushPullRequest.Parser.ParseFrom((byte[])[.. unknown, .. message.ToByteArray(), .. unknown]);
            fuller.Push?.MergeFrom(unknown);
            fuller.Push?.Name.MergeFrom(unknown);
            fuller.Push?.Keys.MergeFrom(unknown);
            fuller.Pull?.MergeFrom(unknown);
            byte[] bytes = fuller.ToByteArray();
            Assert.True(bytes.Length > message.CalculateSize());
            using IncomingRequest request = IncomingRequest.Deserialize(Codec.Source(bytes, pieceBytes: seed % 5 + 1));
            Assert.True(message.Equals(AsMessage(request)), $"seed {seed}");
        }
    }

    [Fact]
    public void Request_TruncatedAnywhere_IsReadOrRefusedAndNeverReadBeyondItsEnd()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            byte[] whole = new RandomExchange(seed).Message.ToByteArray();
            for (int length = 0; length < whole.Length; length += length < 60 ? 1 : 13)
                ReadOrRefuse(whole[..length], $"seed {seed}, {length} of {whole.Length} bytes");
        }
    }

    [Fact]
    public void Request_MutatedAnyhow_IsReadOrRefused()
    {
        for (int seed = 0; seed < 4000; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = new RandomExchange(seed % 50).Message.ToByteArray();
            for (int i = random.Next(1, 5); i > 0 && bytes.Length > 0; i--)
            {
                int place = random.Next(random.Next(2) == 0 ? Math.Min(40, bytes.Length) : bytes.Length);
                bytes[place] = random.Next(3) switch { 0 => 0xFF, 1 => (byte)(bytes[place] ^ 1 << random.Next(8)), _ => (byte)random.Next(256) };
            }
            ReadOrRefuse(bytes, $"seed {seed}");
        }
    }

    [Fact]
    public void Request_RandomBytes_IsReadOrRefused()
    {
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(0, 60)];
            random.NextBytes(bytes);
            ReadOrRefuse(bytes, $"seed {seed}");
        }
    }

    [Fact]
    public void Request_ThatContradictsItself_IsRefusedWithTheReason()
    {
        AssertRefused("the push's kind is 0", new V1.PushPullRequest { Push = new V1.Push() });
        AssertRefused("the push's kind is 9", new V1.PushPullRequest { Push = new V1.Push { Kind = (V1.PushKind)9 } });
        AssertRefused("below 2^63", new V1.PushPullRequest { Push = new V1.Push { Kind = V1.PushKind.Delta, Step = ulong.MaxValue } });
        AssertRefused("part is 5", new V1.PushPullRequest { Pull = new V1.Pull { Part = (V1.PullPart)5 } });
        AssertRefused("not a multiple of 4", new V1.PushPullRequest { Push = new V1.Push { Kind = V1.PushKind.Delta, Values = ByteString.CopyFrom(1, 2, 3) } });
        AssertRefused("not a multiple of 4", new V1.PushPullRequest { Pull = new V1.Pull { Keys = new V1.ShardKeys { Count = 1, Keys = ByteString.CopyFrom(1, 2, 3) } } });
        AssertRefused("5 keys are announced but 1 are listed", new V1.PushPullRequest { Pull = new V1.Pull { Keys = new V1.ShardKeys { Count = 5, Keys = ByteString.CopyFrom(1, 2, 3, 4) } } });
        AssertRefused("part 3 of 3", new V1.PushPullRequest { Push = new V1.Push { Kind = V1.PushKind.Delta, Part = 3, Parts = 3 } });
        AssertRefused("one of the two", new V1.PushPullRequest { Pull = new V1.Pull { Keys = new V1.ShardKeys { Count = 1, Keys = ByteString.CopyFrom(1, 2, 3, 4), Coded = ByteString.CopyFrom(0) } } });
        AssertRefused("at most", new V1.PushPullRequest { Pull = new V1.Pull { Keys = new V1.ShardKeys { Count = 1UL << 40 } } });
        AssertRefused("longer than 256", new V1.PushPullRequest { Job = new string('x', 257) });
    }

    [Fact]
    public void Response_Written_HasTheGeneratedCodecsBytes()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (V1.PushPullResponse message, float[] values) = RandomResponse(seed);
            MessageMemory<float>? memory = values.Length == 0 ? null : new MessageMemory<float>(values.Length);
            values.CopyTo(memory is null ? [] : memory.Span);
            byte[] bytes = Codec.Write(OutgoingResponse.Serialize, new OutgoingResponse((long)message.Version, message.Duplicate, memory));
            Assert.True(message.ToByteArray().AsSpan().SequenceEqual(bytes), $"seed {seed}");
        }
    }

    private static (V1.PushPullResponse Message, float[] Values) RandomResponse(int seed)
    {
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, random.Next(3) == 0 ? 0 : random.Next(200)).Select(_ => (float)random.NextDouble())];
        return (new V1.PushPullResponse
        {
            Version = (ulong)random.NextInt64() >> random.Next(1, 64),
            Duplicate = random.Next(2) == 0,
            Values = ByteString.CopyFrom(RandomExchange.Bytes<float>(values)),
        }, values);
    }

    // Fields of numbers that no message here has, one of each wire type, and one with a number of five bytes.
    private static byte[] Unknown(int seed)
    {
        using var bytes = new MemoryStream();
        using var output = new CodedOutputStream(bytes);
        output.WriteTag(15, WireFormat.WireType.Varint);
        output.WriteUInt64((ulong)seed * 1_000_003);
        output.WriteTag(14, WireFormat.WireType.Fixed32);
        output.WriteFixed32((uint)seed);
        output.WriteTag(13, WireFormat.WireType.Fixed64);
        output.WriteFixed64((ulong)seed);
        output.WriteTag((1 << 29) - 1, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(new byte[seed % 20]));
        output.Flush();
        return bytes.ToArray();
    }

    private static V1.PushPullRequest AsMessage(IncomingRequest request)
    {
        var message = new V1.PushPullRequest { Job = request.Job, Shard = request.Shard };
        if (request.HasPush)
        {
            PushHeader push = request.Push;
            message.Push = new V1.Push
            {
                Name = new V1.PushName { Source = push.Name.Source, Sequence = push.Name.Sequence },
                Kind = (V1.PushKind)(push.Kind + 1),
                Step = (ulong)push.Step,
                RateSum = push.RateSum,
                ReadVersion = (ulong)push.ReadVersion,
                Keys = AsMessage(request, request.PushKeys),
                Values = ByteString.CopyFrom(MemoryMarshal.AsBytes(request.Values)),
                Part = (uint)push.Part,
                Parts = (uint)push.Parts,
            };
        }
        if (request.HasPull)
            message.Pull = new V1.Pull { Keys = AsMessage(request, request.PullKeys), Part = (V1.PullPart)(request.Part + 1) };
        return message;
    }

    private static V1.ShardKeys AsMessage(IncomingRequest request, WireKeys keys)
    {
        var message = new V1.ShardKeys { First = (ulong)keys.First, Count = (ulong)keys.Count, Set = keys.Set };
        var list = ByteString.CopyFrom(request.Message.Slice(keys.List.Start, keys.List.Length));
        if (keys.IsCoded)
            message.Coded = list;
        else
            message.Keys = list;
        return message;
    }

    // Each byte in a piece of its own as well: reading beyond the last would throw something other than a refusal.
    private static void ReadOrRefuse(byte[] bytes, string context)
    {
        foreach (int pieceBytes in (int[])[int.MaxValue, 1])
        {
            try
            {
                using IncomingRequest request = IncomingRequest.Deserialize(Codec.Source(bytes, pieceBytes));
                Assert.True(request.Values.Length * sizeof(float) <= bytes.Length, $"{context}: more values than bytes");
            }
            catch (RpcException refused)
            {
                Assert.True(refused.StatusCode == StatusCode.InvalidArgument && refused.Status.Detail.StartsWith("Malformed request: ", StringComparison.Ordinal), $"{context}: {refused.Status}");
            }
            catch (Exception other) when (other is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"{context}, pieces of {pieceBytes} bytes: {other}");
            }
        }
    }

    private static void AssertRefused(string reason, IMessage message)
    {
        RpcException refused = Assert.Throws<RpcException>(() => IncomingRequest.Deserialize(Codec.Source(message.ToByteArray())));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(reason, refused.Status.Detail, StringComparison.Ordinal);
    }

    private sealed class TakenFrames : IServerFrames
    {
        public V1.ServerFrames Frames { get; } = new();

        public void Welcome(uint version, in StreamCredit granted) =>
            Frames.Frames.Add(new V1.ServerFrame { Welcome = new V1.Welcome { Version = version, Granted = new V1.Credit { Exchanges = granted.Exchanges } } });

        public void Answer(ulong id, long version, bool duplicate, ReadOnlySpan<byte> values) =>
            Frames.Frames.Add(new V1.ServerFrame { Answer = new V1.Answer { Id = id, Version = (ulong)version, Duplicate = duplicate, Values = ByteString.CopyFrom(values) } });

        public void Refusal(ulong id, StatusCode code, string message) =>
            Frames.Frames.Add(new V1.ServerFrame { Refusal = new V1.Refusal { Id = id, Code = (uint)code, Message = message } });
    }
}
