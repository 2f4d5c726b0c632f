using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DistSgd.Protos.V1;
using DistSgd.Shared.CommandLine;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Cli.Doctor;

/// <summary>
/// Finds out what is at an address, step by step: name, port, TLS, protocol, service, version, clock. The first thing that is wrong is
/// named. Each examination ends within <see cref="Limit"/>.
/// </summary>
/// <param name="time">Time, and this machine's clock.</param>
internal sealed class ServerDoctor(TimeProvider time)
{
    /// <summary>Longest examination of one address; with the start of the program it takes less than 5 s.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(3.5);

    /// <summary>A clock that differs by more (and by more than a round trip) is wrong.</summary>
    public static readonly TimeSpan ClockDifferenceMax = TimeSpan.FromSeconds(1);

    private const int Calls = 4;
    private const int ShownCharsMax = 40;
    private const int ShownJobsMax = 8;

    private const string TlsScheme = "https://";

    /// <summary>Examines an address.</summary>
    /// <param name="given">host:port, or https://host:port where TLS is expected.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Diagnosis> ExamineAsync(string given, CancellationToken cancellationToken)
    {
        bool usesTls = given.StartsWith(TlsScheme, StringComparison.OrdinalIgnoreCase);
        string address = usesTls ? given[TlsScheme.Length..].TrimEnd('/') : given;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(Limit);
        try
        {
            if (!ServerAddress.IsValid(address))
                throw new DiagnosedException("address", $"'{address}' is not an address: expected host:port, for example 10.0.0.5:7070.");
            string host = address[..address.LastIndexOf(':')].Trim('[', ']');
            ushort port = ushort.Parse(address.AsSpan(address.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);
            IPAddress[] found = await ResolveAsync(host, late.Token);
            if (found.Any(one => one.Equals(IPAddress.Any) || one.Equals(IPAddress.IPv6Any)))
                throw new DiagnosedException("address", $"{address} is where a server listens, on all addresses of its machine, and none that can be reached: give one of these, for example 127.0.0.1:{port} on that machine.") { Lasts = true };
            IPEndPoint endpoint = await ConnectAsync(address, found, port, late.Token);
            TlsSight? tls = await SeeProtocolAsync(address, host, endpoint, late.Token);
            CheckTls(address, usesTls, tls);
            ServerSight server = await CallAsync(address, usesTls, tls, late.Token);
            return new Diagnosis(given, Diagnosis.Healthy, Describe(address, server)) { Server = server };
        }
        catch (DiagnosedException problem)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new Diagnosis(given, problem.Verdict, problem.Message) { Lasts = problem.Lasts, Server = problem.Server };
        }
    }

    /// <summary>What is wrong with the contract that a server speaks; null: nothing.</summary>
    /// <param name="address">host:port.</param>
    /// <param name="answer">Its description of itself.</param>
    public static string? ExplainContract(string address, DescribeResponse answer) => answer.Contract switch
    {
        ContractRevision.Current => null,
        < ContractRevision.Current => $"The server at {address} is older than this program (contract {answer.Contract}, not {ContractRevision.Current}): update the server.",
        _ => $"The server at {address} (version {Printable.Text(answer.ServerVersion, ShownCharsMax)}) is newer than this program (contract {answer.Contract}, not {ContractRevision.Current}): update this program.",
    };

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken late)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
            return [address];
        try
        {
            return await Dns.GetHostAddressesAsync(host, late).WaitAsync(late);
        }
        catch (SocketException unknown)
        {
            throw new DiagnosedException("host", $"The host name '{host}' doesn't resolve ({unknown.Message}): correct it, or add it to the name service of this machine.") { Lasts = unknown.SocketErrorCode != SocketError.TryAgain };
        }
        catch (OperationCanceledException)
        {
            throw new DiagnosedException("host", $"The name service gave no answer for '{host}' within {Limit.TotalSeconds} s: use an IP address, or mend the name service of this machine.");
        }
    }

    // All addresses of the name at once: the first that accepts is taken.
    private static async Task<IPEndPoint> ConnectAsync(string address, IPAddress[] found, ushort port, CancellationToken late)
    {
        List<Task<(IPEndPoint Endpoint, SocketError? Refused)>> attempts = [.. found.Select(one => TryConnectAsync(new IPEndPoint(one, port), late))];
        SocketError? refused = null;
        while (attempts.Count > 0)
        {
            Task<(IPEndPoint, SocketError?)> ended = await Task.WhenAny(attempts);
            attempts.Remove((Task<(IPEndPoint Endpoint, SocketError? Refused)>)ended);
            (IPEndPoint endpoint, SocketError? error) = await ended;
            if (error is null)
                return endpoint;
            refused = refused is null or SocketError.TimedOut ? error : refused;
        }
        throw refused switch
        {
            SocketError.ConnectionRefused => new DiagnosedException("port", $"Nothing listens at {address} (connection refused): start the server, or correct the port."),
            SocketError.TimedOut => new DiagnosedException("silent", $"{address} doesn't answer at all within {Limit.TotalSeconds} s: the machine is down, or a firewall drops what is sent to the port."),
            _ => new DiagnosedException("host", $"{address} can't be reached ({refused}): check the host's address and the route to it."),
        };
    }

    private static async Task<(IPEndPoint Endpoint, SocketError? Refused)> TryConnectAsync(IPEndPoint endpoint, CancellationToken late)
    {
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endpoint, late);
            return (endpoint, null);
        }
        catch (SocketException refused)
        {
            // What is reset at once was accepted before.
            return (endpoint, refused.SocketErrorCode == SocketError.ConnectionReset ? null : refused.SocketErrorCode);
        }
        catch (OperationCanceledException)
        {
            return (endpoint, SocketError.TimedOut);
        }
    }

    // Null: no TLS. Greets the port in three ways at once. TLS and HTTP/2 are certain when they are seen; HTTP/1 only once HTTP/2 was not, since servers of HTTP/2 refuse it in its own words.
    private static async Task<TlsSight?> SeeProtocolAsync(string address, string host, IPEndPoint endpoint, CancellationToken late)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(late);
        Task<byte[]> http2 = PortProbe.SayHttp2Async(endpoint, enough.Token), http1 = PortProbe.SayHttp1Async(endpoint, host, enough.Token);
        Task<TlsSight?> tls = PortProbe.SayTlsAsync(endpoint, host, enough.Token);
        await Task.WhenAny(http2, tls);
        bool isHttp2 = http2.IsCompleted && PortProbe.IsHttp2(await http2);
        TlsSight? sight = isHttp2 ? null : await tls;
        if (!isHttp2 && sight is null)
            isHttp2 = PortProbe.IsHttp2(await http2);
        if (isHttp2 || sight is not null)
        {
            await enough.CancelAsync();
            await Task.WhenAll(http2, http1, tls);
            return sight;
        }
        byte[] answer = await http1;
        if (PortProbe.IsHttp1(answer))
            throw new DiagnosedException("protocol", $"{address} speaks HTTP/1, not gRPC: it is a web server, or this is the port of a server's metrics; give the port of --listen.") { Lasts = true };
        byte[] first = await http2 is { Length: > 0 } greeted ? greeted : answer;
        throw first.Length > 0
            ? new DiagnosedException("protocol", $"{address} doesn't speak HTTP but something that begins with \"{Shown(first)}\": another program listens there; correct the port.") { Lasts = true }
            : late.IsCancellationRequested
            ? new DiagnosedException("silent", $"{address} accepts connections and then says nothing within {Limit.TotalSeconds} s: the program there hangs or is stopped, or it isn't a DistSgd server.")
            : new DiagnosedException("protocol", $"{address} closes every connection without a word: another program listens there; correct the port.");
    }

    private static void CheckTls(string address, bool usesTls, TlsSight? sight)
    {
        if (sight is null && usesTls)
            throw new DiagnosedException("tls", $"{address} speaks without TLS: leave out https://.");
        if (sight is not null && !usesTls)
            throw new DiagnosedException("tls", $"{address} speaks TLS, and was spoken to without: say https://{address}, or give a port without TLS.") { Lasts = true };
        if (sight is { IsRefusal: true })
            throw AsksForCertificate(address);
        if (sight is { OffersHttp2: false })
            throw new DiagnosedException("protocol", $"{address} speaks TLS, but offers no HTTP/2 by ALPN, which gRPC needs: it is a web server of HTTP/1, or a proxy where HTTP/2 is off; turn it on there, or correct the port.");
        if (sight is { CertificateProblem: { Length: > 0 } problem })
            throw new DiagnosedException("certificate", $"The certificate of {address} isn't trusted on this machine ({problem.TrimEnd('.')}): install its root, or correct the name{(sight.AsksForCertificate ? "; it asks for a client certificate too, and this program has none" : "")}.");
    }

    private static DiagnosedException AsksForCertificate(string address) =>
        new("certificate", $"{address} asks for a client certificate, and this program has none: turn that off on the server or the proxy before it, or give a port that doesn't ask.");

    private async Task<ServerSight> CallAsync(string address, bool usesTls, TlsSight? tls, CancellationToken late)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress($"{(usesTls ? "https" : "http")}://{address}");
        var client = new Shards.ShardsClient(channel);
        DescribeResponse? answer = null;
        (double roundTripMs, double clockMs) = (double.MaxValue, 0);
        try
        {
            for (int i = 0; i < Calls; i++)
            {
                (DateTimeOffset sent, long started) = (time.GetUtcNow(), time.GetTimestamp());
                answer = await client.DescribeAsync(new DescribeRequest(), cancellationToken: late);
                double elapsedMs = time.GetElapsedTime(started).TotalMilliseconds;
                if (elapsedMs < roundTripMs)
                    (roundTripMs, clockMs) = (elapsedMs, answer.UnixTimeUs / 1e3 - (sent - DateTimeOffset.UnixEpoch).TotalMilliseconds - elapsedMs / 2);
            }
        }
        catch (RpcException refused) when (answer is null)
        {
            // TLS 1.3 asks for the certificate in the handshake and misses it only behind it.
            throw tls is { AsksForCertificate: true } && refused.StatusCode != StatusCode.Unimplemented && refused.Status.DebugException is not null ? AsksForCertificate(address) : Explain(address, refused);
        }
        catch (RpcException)
        {
            // The calls before tell enough.
        }
        var server = new ServerSight(Printable.Text(answer!.ServerVersion, ShownCharsMax), answer.Contract, answer.UptimeMs / 1e3, [.. answer.Jobs.Select(job => Printable.Text(job.Job))], roundTripMs, clockMs);
        if (ExplainContract(address, answer) is { } problem)
            throw new DiagnosedException("version", problem) { Server = server };
        if (Math.Abs(clockMs) > Math.Max(ClockDifferenceMax.TotalMilliseconds, roundTripMs))
        {
            string sentence = string.Create(CultureInfo.InvariantCulture,
                $"The clock of {address} is {Math.Abs(clockMs) / 1e3:N1} s {(clockMs < 0 ? "behind" : "ahead of")} this machine's: set both by NTP.");
            throw new DiagnosedException("clock", sentence) { Server = server };
        }
        if (server.UptimeSeconds >= TimeSpan.MaxValue.TotalSeconds)
            throw new DiagnosedException("service", string.Create(CultureInfo.InvariantCulture, $"{address} says that it has been up for {answer.UptimeMs} ms: it is no DistSgd server, or one in trouble.")) { Server = server };
        return server;
    }

    private static DiagnosedException Explain(string address, RpcException refused) => refused.StatusCode switch
    {
        StatusCode.Unimplemented => new DiagnosedException("service", $"{address} speaks HTTP/2, but has no service distsgd.v1.Shards: another server listens there; correct the port."),
        StatusCode.Cancelled or StatusCode.DeadlineExceeded => new DiagnosedException("silent", $"{address} speaks HTTP/2, but doesn't answer a call within {Limit.TotalSeconds} s: the server is overloaded or stopped."),
        _ => new DiagnosedException("service", $"{address} speaks HTTP/2, but answers a call with {refused.StatusCode} ({Printable.Text(refused.Status.Detail).TrimEnd('.')}): it is no DistSgd server, or one in trouble."),
    };

    internal static string Describe(string address, ServerSight server)
    {
        string jobs = server.Jobs.Length == 0 ? "no jobs" : $"{server.Jobs.Length} {(server.Jobs.Length == 1 ? "job" : "jobs")} ({string.Join(", ", server.Jobs.Take(ShownJobsMax))}{(server.Jobs.Length > ShownJobsMax ? ", …" : "")})";
        // No negative zero.
        double clockMs = Math.Round(server.ClockMs, 2) + 0.0;
        return string.Create(CultureInfo.InvariantCulture,
            $"{address} is healthy: version {server.Version}, up {TimeSpan.FromSeconds(Math.Floor(server.UptimeSeconds)):c}, {jobs}, round trip {server.RoundTripMs:N2} ms, clock {clockMs:+0.00;-0.00} ms.");
    }

    private static string Shown(byte[] bytes) =>
        string.Concat(Encoding.Latin1.GetString(bytes).TakeWhile(letter => letter is not ('\r' or '\n')).Take(ShownCharsMax).Select(letter => letter is >= ' ' and <= '~' ? letter.ToString() : $"\\x{(int)letter:x2}"));
}
