using Grpc.Net.Client.Http2;

namespace DistSgd.Grpc.Tests.Http2;

/// <summary>Header blocks, by the examples of RFC 7541, appendix C, and against what no encoder makes.</summary>
public sealed class HpackTests
{
    // A table of 256 bytes, as in appendices C.5 and C.6.
    private const string SmallTable = "3fe101";

    private const string Request1 = ":method: GET|:scheme: http|:path: /|:authority: www.example.com";
    private const string Request2 = Request1 + "|cache-control: no-cache";
    private const string Request3 = ":method: GET|:scheme: https|:path: /index.html|:authority: www.example.com|custom-key: custom-value";
    private const string Response1 = ":status: 302|cache-control: private|date: Mon, 21 Oct 2013 20:13:21 GMT|location: https://www.example.com";
    private const string Response2 = ":status: 307|cache-control: private|date: Mon, 21 Oct 2013 20:13:21 GMT|location: https://www.example.com";
    private const string Response3 = ":status: 200|cache-control: private|date: Mon, 21 Oct 2013 20:13:22 GMT|location: https://www.example.com"
        + "|content-encoding: gzip|set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

    [Theory]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header")]
    [InlineData("040c2f73616d706c652f70617468", ":path: /sample/path")]
    [InlineData("100870617373776f726406736563726574", "password: secret")]
    [InlineData("82", ":method: GET")]
    public void Field_OfC2_IsDecoded(string block, string expected) => Assert.Equal([expected], Decode(block));

    [Fact]
    public void Requests_OfC3_AreDecoded() => Assert.Equal(
        [Request1, Request2, Request3],
        Decode("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"));

    [Fact]
    public void HuffmanRequests_OfC4_AreDecoded() => Assert.Equal(
        [Request1, Request2, Request3],
        Decode("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"));

    [Fact]
    public void Responses_OfC5_WithEvictions_AreDecoded() => Assert.Equal(
        [Response1, Response2, Response3],
        Decode(
            SmallTable + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31"));

    [Fact]
    public void HuffmanResponses_OfC6_WithEvictions_AreDecoded() => Assert.Equal(
        [Response1, Response2, Response3],
        Decode(
            SmallTable + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"));

    [Theory]
    [InlineData(new[] { 256 }, "3fe101")] // 256
    [InlineData(new[] { 4096 }, "")]
    [InlineData(new[] { 0, 4096 }, "203fe11f")] // 0, then 4096: what was in the table is gone
    [InlineData(new[] { 256, 0, 100 }, "203f45")]
    public void TableSize_ThatTheDecoderSet_IsSaidBeforeTheNextBlock_TheSmallestFirst(int[] sizes, string expected)
    {
        var (encoder, written) = (new HpackEncoder(), new OutgoingBuffer());
        foreach (var bytes in sizes)
            encoder.Resize(bytes);
        encoder.Begin(written);
        encoder.Begin(written);
        Assert.Equal(expected, Convert.ToHexStringLower(written.Written));
    }

    [Theory]
    [InlineData("80", "the index 0")]
    [InlineData("be", "the index 62, the table has 61 entries")]
    [InlineData("7f00", "the index 63")]
    [InlineData("ff", "ends within a number")]
    [InlineData("ff8080808080808001", "more than 28 bits")]
    [InlineData("40", "ends where a length was expected")]
    [InlineData("400561", "a string of 5 bytes has 1")]
    [InlineData("4001610562", "a string of 5 bytes has 1")]
    [InlineData("408161ff84ffffffff", "no Huffman code")]
    [InlineData("40016181fe", "no Huffman code")]
    [InlineData("40016184ffffffff", "no Huffman code")]
    [InlineData("3fe21f", "table is set to 4097 bytes")]
    [InlineData("8220", "table is set to 0 bytes")]
    public void Block_Malformed_IsRefusedAndSaysWhy(string block, string why)
    {
        var e = Assert.Throws<ProtocolViolationException>(() => Decode(block));
        Assert.Equal(Http2Error.CompressionError, e.Error);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Block_ThatUnfoldsBeyondTheBound_IsRefusedEarly()
    {
        var large = "4001617fa11e" + string.Concat(Enumerable.Repeat("62", 4000));
        var bomb = large + string.Concat(Enumerable.Repeat("be", 60_000));
        var e = Assert.Throws<ProtocolViolationException>(() => Decode(bomb));
        Assert.Equal(Http2Error.EnhanceYourCalm, e.Error);
    }

    [Fact]
    public void Block_CutAnywhere_IsRefusedOrShorter_AndNeverMore()
    {
        const string Whole = "828684418cf1e3c2e5f23a6ba0ab90f4ff5886a8eb10649cbf408825a849e95ba97d7f8925a849e95bb8e8b4bf";
        for (var bytes = 0; bytes < Whole.Length / 2; bytes++)
        {
            var fields = new List<HeaderField>();
            try
            {
                new HpackDecoder().Decode(Convert.FromHexString(Whole[..(2 * bytes)]), fields);
            }
            catch (ProtocolViolationException e)
            {
                Assert.Equal(Http2Error.CompressionError, e.Error);
            }
            Assert.InRange(fields.Count, 0, 5);
        }
    }

    [Fact]
    public void RandomBytes_AreDecodedOrRefused_AndNothingElse()
    {
        const int Seed = 7541;
        var random = new Random(Seed);
        for (var run = 0; run < 20_000; run++)
        {
            var block = new byte[random.Next(64)];
            random.NextBytes(block);
            try
            {
                new HpackDecoder().Decode(block, []);
            }
            catch (ProtocolViolationException)
            {
                // As it should; anything else fails the test.
            }
        }
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(300)]
    [InlineData(0)]
    public void Encoder_RandomFields_AreWhatTheDecoderReads_WithAnyTable(int tableBytes)
    {
        const int Seed = 42;
        var random = new Random(Seed);
        var encoder = new HpackEncoder();
        var decoder = new HpackDecoder();
        encoder.Resize(tableBytes);
        for (var block = 0; block < 2000; block++)
        {
            if (block == 1000)
                encoder.Resize(4096 - tableBytes);
            var buffer = new OutgoingBuffer();
            encoder.Begin(buffer);
            var sent = new List<string>();
            for (var i = 0; i < random.Next(12); i++)
                sent.Add(Write(encoder, buffer, random));
            var fields = new List<HeaderField>();
            decoder.Decode(buffer.Written, fields);
            Assert.Equal(sent, fields.Select(field => $"{field.Name}: {field.Value}"));
        }
    }

    [Fact]
    public void Encoder_TheSameFieldsAgain_TakeAByteEach()
    {
        var encoder = new HpackEncoder();
        Assert.InRange(Encode(), 50, 200);
        Assert.Equal(5, Encode());

        int Encode()
        {
            var buffer = new OutgoingBuffer();
            encoder.Begin(buffer);
            encoder.Write(buffer, ":method", "POST");
            encoder.Write(buffer, ":path", "/package.Service/Method");
            encoder.Write(buffer, "te", "trailers");
            encoder.Write(buffer, "x-mine", "some value");
            encoder.Write(buffer, "content-type", "application/grpc");
            return buffer.Count;
        }
    }

    [Fact]
    public void Encoder_Secrets_AreNeverIndexed()
    {
        var encoder = new HpackEncoder();
        var buffer = new OutgoingBuffer();
        encoder.WriteSecret(buffer, "authorization", "Bearer x");
        Assert.Equal("1f0808", Convert.ToHexStringLower(buffer.Written)[..6]);
        var first = buffer.Count;
        encoder.WriteSecret(buffer, "authorization", "Bearer x");
        Assert.Equal(2 * first, buffer.Count);
    }

    private static string Write(HpackEncoder encoder, OutgoingBuffer buffer, Random random)
    {
        var (name, value) = ($"name-{random.Next(30)}", new string((char)('a' + random.Next(26)), random.Next(40)));
        switch (random.Next(4))
        {
            case 0:
                encoder.WriteChanging(buffer, name, System.Text.Encoding.ASCII.GetBytes(value));
                break;
            case 1:
                encoder.WriteSecret(buffer, name, value);
                break;
            default:
                encoder.Write(buffer, name, value);
                break;
        }
        return $"{name}: {value}";
    }

    /// <summary>Decodes blocks that come one after the other; each as its fields, joined.</summary>
    private static IEnumerable<string> Decode(params string[] blocks)
    {
        var decoder = new HpackDecoder();
        var lists = new List<string>();
        foreach (var block in blocks)
        {
            var fields = new List<HeaderField>();
            decoder.Decode(Convert.FromHexString(block), fields);
            lists.Add(string.Join('|', fields.Select(field => $"{field.Name}: {field.Value}")));
        }
        return lists;
    }
}
