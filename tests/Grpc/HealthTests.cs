using Grpc.Core;
using Grpc.Health.V1;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace DistSgd.Grpc.Tests;

public sealed class HealthTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Check_KnownAndUnknown_AreToldApart()
    {
        await using var host = await EchoHost.StartAsync();
        var client = new Health.HealthClient(host.Channel);
        host.Health.SetStatus("", ServingStatus.Serving);
        host.Health.SetStatus("a", ServingStatus.NotServing);
        Assert.Equal(ServingStatus.Serving, (await client.CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal(ServingStatus.NotServing, (await client.CheckAsync(new HealthCheckRequest { Service = "a" })).Status);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.CheckAsync(new HealthCheckRequest { Service = "b" }));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
    }

    [Fact]
    public async Task Watch_EachChange_IsToldOnce()
    {
        await using var host = await EchoHost.StartAsync();
        using var watch = new Health.HealthClient(host.Channel).Watch(new HealthCheckRequest { Service = "a" });
        await ExpectAsync(watch, ServingStatus.ServiceUnknown);
        host.Health.SetStatus("other", ServingStatus.Serving);
        host.Health.SetStatus("a", ServingStatus.Serving);
        await ExpectAsync(watch, ServingStatus.Serving);
        host.Health.SetStatus("a", ServingStatus.Serving);
        host.Health.SetStatus("a", ServingStatus.NotServing);
        await ExpectAsync(watch, ServingStatus.NotServing);
        host.Health.ClearStatus("a");
        await ExpectAsync(watch, ServingStatus.ServiceUnknown);
        host.Health.SetStatus("a", ServingStatus.Serving);
        await ExpectAsync(watch, ServingStatus.Serving);
        host.Health.ClearAll();
        await ExpectAsync(watch, ServingStatus.ServiceUnknown);
    }

    private static async Task ExpectAsync(AsyncServerStreamingCall<HealthCheckResponse> watch, ServingStatus expected)
    {
        Assert.True(await watch.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.Equal(expected, watch.ResponseStream.Current.Status);
    }
}
