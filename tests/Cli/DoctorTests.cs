using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using DistSgd.Cli.Doctor;
using DistSgd.ParamServer.Hosting;
using DistSgd.Protos.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace DistSgd.Cli.Tests;

/// <summary><c>distsgd doctor</c> before listeners made for each case.</summary>
public sealed class DoctorTests
{
    [Fact]
    public async Task HealthyServer_IsDescribed_AndTheExitCodeIs0()
    {
        await using ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        Outcome outcome = await CommandLine.RunAsync("doctor", server.Address);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.StartsWith($"{server.Address} is healthy: version 0.1.0, up ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("no jobs, round trip ", outcome.Output, StringComparison.Ordinal);
        JsonElement json = (await CommandLine.RunAsync("doctor", "--json", server.Address)).LastJson;
        Assert.Equal("healthy", json.GetProperty("verdict").GetString());
        Assert.Equal(1, json.GetProperty("server").GetProperty("contract").GetInt32());
    }

    [Fact]
    public async Task Host_ThatDoesNotResolve_IsNamed() => await FindsAsync("no-such-host.invalid:7070", "host", "'no-such-host.invalid' doesn't resolve");

    [Fact]
    public async Task Address_Malformed_IsNamed() => await FindsAsync("127.0.0.1", "address", "expected host:port");

    [Fact]
    public async Task Port_WhereNothingListens_IsNamed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = listener.LocalEndpoint.ToString()!;
        listener.Stop();
        await FindsAsync(address, "port", "connection refused");
    }

    [Fact]
    public async Task Port_ThatAcceptsAndSaysNothing_AndOneThatDropsEverything_AreSilent()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        // A full backlog: the kernel drops what more comes, as a firewall would.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await first.ConnectAsync(full.LocalEndPoint!);
        Outcome outcome = await CommandLine.RunAsync("doctor", "--json", mute.LocalEndpoint.ToString()!, full.LocalEndPoint!.ToString()!);
        string[] lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1, outcome.Code);
        Assert.All(lines, line => Assert.Contains("\"verdict\":\"silent\"", line, StringComparison.Ordinal));
        Assert.Contains("accepts connections and then says nothing", lines[0], StringComparison.Ordinal);
        Assert.Contains("firewall", lines[1], StringComparison.Ordinal);
        Assert.True(ServerDoctor.Limit <= TimeSpan.FromSeconds(3.5));
    }

    [Fact]
    public async Task TlsPort_SpokenToWithout_AndTheOtherWayRound_AreNamed()
    {
        await using WebApplication tls = await Listeners.HostAsync(listen => listen.UseHttps(Listeners.Certificate()), _ => { });
        await FindsAsync(Listeners.AddressOf(tls), "tls", "say https://");
        await using ServerHost plain = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        await FindsAsync($"https://{plain.Address}", "tls", "leave out https://");
        await FindsAsync($"https://{Listeners.AddressOf(tls)}", "certificate", "isn't trusted");
    }

    [Fact]
    public async Task WebServerOfHttp1_IsNamed()
    {
        await using WebApplication web = await Listeners.HostAsync(listen => listen.Protocols = HttpProtocols.Http1, app => app.MapGet("/", () => "hello"));
        await FindsAsync(Listeners.AddressOf(web), "protocol", "speaks HTTP/1");
    }

    [Fact]
    public async Task SomethingThatIsNotHttp_IsShown()
    {
        await FindsAsync(await TellAsync("SSH-2.0-OpenSSH_9.2\r\n"), "protocol", "begins with \"SSH-2.0-OpenSSH_9.2\"");
        await FindsAsync(await TellAsync(""), "protocol", "closes every connection");
    }

    [Fact]
    public async Task Http2ServerWithoutOurServices_IsNamed()
    {
        await using WebApplication other = await Listeners.HostAsync(listen => listen.Protocols = HttpProtocols.Http2, app => app.MapGet("/", () => "hello"));
        await FindsAsync(Listeners.AddressOf(other), "service", "no service distsgd.v1.Shards");
    }

    [Theory]
    [InlineData(2u, "newer than this program")]
    [InlineData(0u, "older than this program")]
    public Task ServerOfAnotherContract_IsNamed(uint contract, string says) => FindsAsync(answer => answer.Contract = contract, "version", says);

    [Theory]
    [InlineData(3600, "ahead of")]
    [InlineData(-3600, "behind")]
    public Task ServerOfAnotherTime_IsNamed(int seconds, string says) => FindsAsync(answer => answer.UnixTimeUs = (ulong)((long)answer.UnixTimeUs + seconds * 1_000_000L), "clock", says);

    [Fact]
    public async Task ServerWhoseFiguresCantBe_IsDescribedAllTheSame()
    {
        await FindsAsync(answer => answer.UnixTimeUs = ulong.MaxValue, "clock", " s ahead of this machine's");
        await FindsAsync(answer => answer.UnixTimeUs = long.MaxValue, "clock", " s ahead of this machine's");
        await FindsAsync(answer => answer.UnixTimeUs = 0, "clock", " s behind this machine's");
        await FindsAsync(answer => answer.UptimeMs = ulong.MaxValue, "service", "says that it has been up for 18446744073709551615 ms");
    }

    [Fact]
    public async Task ServerThatSaysMoreThan4MiB_IsNotListenedTo() =>
        await FindsAsync(answer => answer.ServerVersion = new string('x', 5 << 20), "service", "ResourceExhausted (Received message exceeds the maximum configured message size");

    [Fact]
    public async Task WhatAServerSays_MovesNoTerminal_AndIsBounded()
    {
        await using PretendServer server = await PretendServer.StartAsync(describe: answer =>
        {
            answer.ServerVersion = "\u001b[31mEVIL\nsecond";
            answer.Jobs[0].Job = $"\u202e\u009b2J{new string('x', 1_000_000)}";
        });
        Outcome outcome = await CommandLine.MustAsync("doctor", server.Address);
        Assert.StartsWith($"{server.Address} is healthy: version \\x1b[31mEVIL\\x0asecond, up ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("1 job (\\u202e\\x9b2Jxxx", outcome.Output, StringComparison.Ordinal);
        Assert.InRange(outcome.Output.Length, 400, 1000);
        Assert.DoesNotContain(outcome.Output.TrimEnd('\n'), char.IsControl);
        Assert.InRange((await CommandLine.MustAsync("doctor", "--json", server.Address)).Output.Length, 400, 2000);
    }

    [Theory]
    [InlineData(-0.004, "clock +0.00 ms")]
    [InlineData(0.004, "clock +0.00 ms")]
    [InlineData(-0.006, "clock -0.01 ms")]
    public void ClockThatIsRight_HasOneSign(double clockMs, string says) =>
        Assert.Contains(says, ServerDoctor.Describe("s:1", new ServerSight("1", 1, 1, [], 1, clockMs)), StringComparison.Ordinal);

    [Theory]
    [InlineData("0.0.0.0:7070")]
    [InlineData("[::]:7070")]
    public Task AddressThatOnlyListens_IsNamed(string address) => FindsAsync(address, "address", "is where a server listens");

    [Fact]
    public async Task PortThatResetsEveryConnection_IsNotSaidToBeUnreachable()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(64);
        Task resetting = Task.Run(async () =>
        {
            try
            {
                while (true)
                    (await listener.AcceptAsync()).Close(0);
            }
            catch (SocketException)
            {
                // It was closed: the test is over.
            }
        });
        // Often enough that some reset comes before the connection is seen.
        for (int i = 0; i < 20; i++)
            await FindsAsync(listener.LocalEndPoint!.ToString()!, "protocol", "closes every connection");
        listener.Close();
        await resetting;
    }

    [Fact]
    public async Task TlsPortWithoutHttp2_IsNotSaidToSpeakHttp2()
    {
        await using WebApplication web = await Listeners.HostAsync(
            listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.UseHttps(Listeners.Certificate());
            },
            app => app.MapGet("/", () => "hello"));
        await FindsAsync($"https://{Listeners.AddressOf(web)}", "protocol", "offers no HTTP/2 by ALPN");
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Port_ThatAsksForAClientCertificate_IsNamed(SslProtocols version)
    {
        await using WebApplication web = await Listeners.HostAsync(
            listen => listen.UseHttps(Listeners.Certificate(), https => (https.ClientCertificateMode, https.SslProtocols) = (ClientCertificateMode.RequireCertificate, version)),
            _ => { });
        await FindsAsync($"https://{Listeners.AddressOf(web)}", "certificate", "asks for a client certificate");
    }

    [Fact]
    public async Task EmptyAddress_IsSaidToBeNone() => await FindsAsync("", "address", "expected host:port");

    private static async Task FindsAsync(string address, string verdict, string says)
    {
        Outcome json = await CommandLine.RunAsync("doctor", address, "--json");
        Assert.True(json.LastJson.GetProperty("verdict").GetString() == verdict, json.Output);
        string sentence = json.LastJson.GetProperty("sentence").GetString()!;
        Assert.Contains(says, sentence, StringComparison.Ordinal);
        Assert.Equal((1, ""), (json.Code, json.Error));
        Assert.DoesNotContain('\n', sentence);
    }

    private static async Task FindsAsync(Action<DescribeResponse> describe, string verdict, string says)
    {
        await using PretendServer server = await PretendServer.StartAsync(describe: describe);
        await FindsAsync(server.Address, verdict, says);
    }

    // Says its piece to whoever connects, and hangs up.
    private static Task<string> TellAsync(string greeting)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = ServeAsync();
        return Task.FromResult(listener.LocalEndpoint.ToString()!);

        async Task ServeAsync()
        {
            const int ConnectionsMax = 16;
            for (int i = 0; i < ConnectionsMax; i++)
            {
                using Socket socket = await listener.AcceptSocketAsync();
                await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(greeting));
                socket.Shutdown(SocketShutdown.Send);
            }
            listener.Stop();
        }
    }
}
