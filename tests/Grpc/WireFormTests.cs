using Grpc.Wire;

namespace DistSgd.Grpc.Tests;

public sealed class WireFormTests
{
    [Theory]
    [InlineData(0, "1u")]
    [InlineData(1, "1u")]
    [InlineData(1_000, "100u")]
    [InlineData(10_000_000, "1000000u")]
    [InlineData(36_000_000_000, "3600000m")]
    [InlineData(TimeSpan.TicksPerDay * 365L, "31536000S")]
    [InlineData(TimeSpan.TicksPerDay * 4000L, "5760000M")]
    public void Timeout_AnyLength_FitsIntoEightDigits(long ticks, string expected) =>
        Assert.Equal(expected, GrpcTimeout.Format(TimeSpan.FromTicks(ticks)));

    [Theory]
    [InlineData("1n", 1)]
    [InlineData("100u", 1_000)]
    [InlineData("7m", 70_000)]
    [InlineData("7S", 70_000_000)]
    [InlineData("7M", 4_200_000_000)]
    [InlineData("7H", 252_000_000_000)]
    public void Timeout_EachUnit_IsRead(string header, long ticks)
    {
        Assert.True(GrpcTimeout.TryParse(header, out var timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("plain text")]
    [InlineData("")]
    [InlineData("50 % of τ\n😀\0")]
    [InlineData("%41")]
    public void Message_EncodedAndDecoded_IsTheSame(string text)
    {
        var encoded = PercentEncoding.Encode(text);
        Assert.True(encoded.All(c => c is >= ' ' and <= '~'), encoded);
        Assert.Equal(text, PercentEncoding.Decode(encoded));
    }

    [Theory]
    [InlineData("100%", "100%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz!", "%zz!")]
    [InlineData("%41%", "A%")]
    public void Message_BadlyEncoded_IsKept(string encoded, string expected) => Assert.Equal(expected, PercentEncoding.Decode(encoded));

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("Application/GRPC+json", true)]
    [InlineData("application/grpc;x=y", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/json", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void ContentType_OnlyGrpc_IsTaken(string? contentType, bool expected) => Assert.Equal(expected, WireNames.IsGrpcContentType(contentType));
}
